"""What the application hands to every handler that asks, by name."""

from typing import TypeAlias

from litestar.di import NamedDependency

from server.db.events import EventHub
from server.db.pool import Pool
from server.evidence.files import EvidenceFiles
from server.rules.book import RuleBook
from server.stations.model import Registry

__all__ = ["TheFiles", "TheHub", "ThePool", "TheRegistry", "TheRules"]

ThePool: TypeAlias = NamedDependency[Pool]
TheHub: TypeAlias = NamedDependency[EventHub]
TheFiles: TypeAlias = NamedDependency[EvidenceFiles]
TheRegistry: TypeAlias = NamedDependency[Registry]
TheRules: TypeAlias = NamedDependency[RuleBook]
