"""How the embedded PostgreSQL is set up for the machine it finds; commits stay durable in any case."""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes() -> int:
    """The memory that this process may use: the machine's, or less in a container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [path.read_text().strip() for path in _CGROUP_LIMITS if path.exists()]
    return min([machine, *(int(limit) for limit in limits if limit.isdigit())])


def tuning(memory: int, cores: int) -> dict[str, str]:
    """The settings for a machine with so many bytes of memory and so many cores.

    An eighth of the memory is for shared buffers, since the server processes and the system's cache need
    some too; with less than a gibibyte PostgreSQL's own defaults are right.
    """
    shared = max(128 * MIB, min(memory // 8, 8 * GIB))
    return {
        # Durability: an acknowledged write is on the disk. These are the defaults; they must stay.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # Memory.
        "shared_buffers": f"{shared // MIB}MB",
        "effective_cache_size": f"{memory // 2 // MIB}MB",
        "work_mem": f"{max(4, min(64, memory // (256 * MIB)))}MB",
        "maintenance_work_mem": f"{max(64, min(1024, memory // (32 * MIB)))}MB",
        "wal_buffers": "16MB",
        # Checkpoints: rare and spread out, so that an import does not write every page twice.
        "max_wal_size": f"{max(1, min(8, shared // (512 * MIB)))}GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        # Planning: the disk is a solid one, statements are short and prepared.
        "random_page_cost": "1.1",
        "jit": "off",
        "max_parallel_workers_per_gather": str(min(2, cores // 2)),
        "max_connections": "200",
        # Vacuum early, so that index-only scans work on recent pages, and totals stay small.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_insert_scale_factor": "0.02",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
    }


def configuration(settings: dict[str, str]) -> str:
    """The settings as a configuration file."""
    lines = [f"{name} = '{value}'" for name, value in settings.items()]
    return "\n".join(
        ["# Written by Trunkline at every start; your own settings go into own.conf.", *lines, ""]
    )
