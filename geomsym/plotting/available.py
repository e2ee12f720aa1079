"""What an experiment's tables hold, in a few words: why a figure is not drawn."""

from geomsym.results import WITH_RESULT, Results


def runs_there(results: Results) -> str:
    """«12 finished runs, all under identity»."""
    runs = results.runs
    finished = runs[runs.status.isin(WITH_RESULT)]
    if finished.empty:
        return _no_runs(results)
    groups = sorted(set(finished["transform"].astype(str)))
    partly = int(finished.transform_strength.notna().sum())
    on_the_way = f", {partly} of them at a strength on the way to the group, which don't count" if partly else ""
    return f"{_count(len(finished), 'finished run')} under {', '.join(groups)}{on_the_way}"


def curves_there(results: Results) -> str:
    """«2 finished runs by ntk, which aren't trained»."""
    if results.runs.empty:
        return _no_runs(results)
    return f"{_count(len(results.runs), 'run')} by {', '.join(sorted(set(results.runs.inference.astype(str))))}"


def geometry_there(results: Results) -> str:
    """«geometry along paths», and at how many training steps."""
    table = results.geometry
    if table.empty:
        return "no geometry is measured"
    kinds = " and ".join(sorted(set(table.kind.astype(str))))
    return f"geometry on a {kinds}, at {_count(table.step.nunique(), 'training step')}"


def spectra_there(results: Results) -> str:
    """Whether there are eigenvalues."""
    return "no geometry is measured" if results.geometry.empty else "geometry without eigenvalues"


def statistics_there(results: Results) -> str:
    """How many statistics there are of volume."""
    if results.geometry.empty:
        return "no geometry is measured"
    if results.magnification.empty:
        return "no statistics"
    return "statistics without a value: where a network predicts one class everywhere, there is no boundary"


def _no_runs(results: Results) -> str:
    return f"no finished runs{f', {len(results.runs)} begun or failed' if len(results.runs) else ''}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
