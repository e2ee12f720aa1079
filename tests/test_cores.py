"""Cores by affinity and by the quotas of control groups, in the layouts that machines and containers have."""

from math import inf

import pytest

from geomsym import cores
from geomsym.cores import available_cores, available_threads, cpu_quota

V2 = "30 23 0:26 {root} {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "32 31 0:29 {root} {mount} rw,relatime shared:9 - cgroup cgroup rw,{controllers}\n"


def machine(folder, mountinfo, groups, files):
    """A made-up process and its control groups: the folder that stands for /proc/self."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    process = folder / "proc"
    process.mkdir()
    (process / "mountinfo").write_text(mountinfo)
    (process / "cgroup").write_text(groups)
    return process


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cg/a/b/cpu.max": "150000 100000\n"}, 1.5),
        ({"cg/a/b/cpu.max": "max 100000\n"}, inf),
        ({"cg/a/b/cpu.max": "max 100000\n", "cg/a/cpu.max": "200000 100000\n"}, 2),  # systemd's slice
        ({"cg/a/b/cpu.max": "400000 100000\n", "cg/a/cpu.max": "200000 100000\n"}, 2),
        ({"cg/cpu.max": "300000 100000\n"}, 3),
        ({"cg/a/other/cpu.max": "100000 100000\n"}, inf),
        ({"cg/a/b/cpu.max": "spoilt\n"}, inf),
        ({}, inf),
    ],
)
def test_version_2_counts_the_group_and_those_around_it(tmp_path, files, quota):
    mounts = V2.format(root="/", mount=tmp_path / "cg")
    assert cpu_quota(machine(tmp_path, mounts, "0::/a/b\n", files)) == quota


@pytest.mark.parametrize(
    ("root", "path"),
    [("/docker/1f", "/docker/1f"), ("/", "/../../other"), ("/docker/1f", "/docker"), ("/", "/")],
)
def test_a_container_sees_its_own_group_at_the_mount_point(tmp_path, root, path):
    mounts = V2.format(root=root, mount=tmp_path / "cg")
    files = {"cg/cpu.max": "250000 100000\n"}
    assert cpu_quota(machine(tmp_path, mounts, f"0::{path}\n", files)) == 2.5


@pytest.mark.parametrize(("quota", "cores"), [("350000", 3.5), ("-1", inf)])
def test_version_1_has_quota_and_period_in_two_files(tmp_path, quota, cores):
    mounts = V1.format(root="/", mount=tmp_path / "cpu", controllers="cpu,cpuacct")
    mounts += V1.format(root="/", mount=tmp_path / "mem", controllers="memory")
    files = {"cpu/slurm/job/cpu.cfs_quota_us": quota, "cpu/slurm/job/cpu.cfs_period_us": "100000"}
    assert cpu_quota(machine(tmp_path, mounts, "4:cpu,cpuacct:/slurm/job\n3:memory:/x\n0::/\n", files)) == cores


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert cpu_quota(tmp_path) == inf


@pytest.mark.parametrize(
    ("affinity", "quota", "expected"), [(8, inf, 8), (8, 2.5, 3), (2, 4.0, 2), (8, 0.2, 1), (1, inf, 1)]
)
def test_the_smaller_of_affinity_and_quota_rounded_up(monkeypatch, affinity, quota, expected):
    monkeypatch.setattr(cores, "_schedulable", lambda: affinity)
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    assert available_cores() == expected


@pytest.mark.parametrize(
    ("variable", "expected"), [("", 4), ("1", 1), ("2,8", 2), ("16", 4), ("0", 4), ("-3", 4), ("many", 4)]
)
def test_openmp_can_ask_for_fewer_threads(monkeypatch, variable, expected):
    monkeypatch.setattr(cores, "available_cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert available_threads() == expected
