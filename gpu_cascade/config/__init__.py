"""models.yaml → one frozen `Config`, or one error that says what to change and where."""

from .checks import ChecksConfig
from .config import Config, state_dir
from .load import at, from_pair, load
from .schema import (
    CascadeConfig,
    EngineConfig,
    GatewayConfig,
    GovernanceConfig,
    KvConfig,
    MonitorConfig,
    StickyConfig,
    TracesConfig,
    VerifyConfig,
    VramConfig,
)

__all__ = [
    "CascadeConfig",
    "ChecksConfig",
    "Config",
    "EngineConfig",
    "GatewayConfig",
    "GovernanceConfig",
    "KvConfig",
    "MonitorConfig",
    "StickyConfig",
    "TracesConfig",
    "VerifyConfig",
    "VramConfig",
    "at",
    "from_pair",
    "load",
    "state_dir",
]
