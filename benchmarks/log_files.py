"""A log of any size on disk, made in bounded memory, and a server that serves it and counts what it sends."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from saxaul.log.checkpoints import Checkpoint
from saxaul.log.counts import Counts
from saxaul.log.leaves import CountLeaf, TreeLeaf
from saxaul.log.notes import SignedNote, Signature, VerifierKey
from saxaul.log.tiles import TILE_WIDTH, Edge, bundle, entries_path, tile_path
from saxaul.log.tlog_proofs import TlogProof

ORIGIN = "log.example/trees"
BATCH = 100
"""Leaves between two counts, with the count: what one run of the sequencer adds."""

INSPECTED = 10
"""One statement in as many is an inspection of the tree that was planted right before."""

_BEGINNING = datetime(2026, 6, 1, tzinfo=UTC)


class Sent(NamedTuple):
    """What a server has sent. The bytes are those of the bodies, compressed as they were sent."""

    requests: int = 0
    bytes: int = 0
