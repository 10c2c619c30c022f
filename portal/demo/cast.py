"""Who and what the demo invents: people, Macs, models and projects. Speeds follow the fit study's reference Mac."""

from dataclasses import dataclass
from enum import StrEnum

from portal.accounts.models import Role

DOMAIN = "hoshizora.example"
GB = 10**9
# Memory bandwidth of the Mac that the speeds below are told for (M4 Pro, 20 GPU cores).


class Presence(StrEnum):
    """How a Mac is seen today."""

    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    MISSING = "missing"


@dataclass(frozen=True)
class Person:
    key: str
    name: str
    role: Role
    language: str = "ja"

    @property
    def email(self) -> str:
        return f"{self.key}@{DOMAIN}"

    @property
    def shown_name(self) -> str:
        return f"{self.name} (demo)"


@dataclass(frozen=True)
class DemoModel:
    name: str
    quantization: str
    size_bytes: int
    parameters: int
    max_context_tokens: int
    has_tools: bool = True


@dataclass(frozen=True)
class DemoMac:
    name: str
    owner: str | None
    model: str
    chip: str
    cores: tuple[int, int, int]
    memory_gb: int
    runtime: str
    models: tuple[str, ...]
    context_tokens: int = 65_536
    os_version: str = "15.7"
    presence: Presence = Presence.ONLINE
    is_broken: bool = False

    @property
    def shown_name(self) -> str:
        return f"demo-{self.name}"


@dataclass(frozen=True)
class DemoProject:
    """`weight` is how often somebody works on it; `team` are the people who do."""

    remote: str | None
    weight: int
    team: tuple[str, ...]


PEOPLE = (
    Person("sato", "Aoi Sato", Role.OWNER, "en"),
    Person("tanaka", "Haruka Tanaka", Role.POLICY_ADMIN),
    Person("kimura", "Ren Kimura", Role.AUDITOR),
    Person("suzuki", "Misaki Suzuki", Role.TEAM_LEAD),
    Person("takahashi", "Sho Takahashi", Role.DEVELOPER),
    Person("nair", "Priya Nair", Role.DEVELOPER, "en"),
    Person("ito", "Kaito Ito", Role.DEVELOPER),
    Person("mori", "Yui Mori", Role.DEVELOPER),
)
EVERYBODY = tuple(person.key for person in PEOPLE)

MODELS = {
    model.name: model
    for model in (
        DemoModel("qwen2.5-coder:7b", "Q4_K_M", 4_683_000_000, 7_616_000_000, 32_768),
        DemoModel("qwen3.5:9b", "Q4_K_M", 5_690_831_667, 8_950_000_000, 262_144),
        DemoModel("phi4:14b", "Q4_K_M", 9_050_000_000, 14_660_000_000, 16_384, has_tools=False),
        DemoModel("gpt-oss:20b", "MXFP4", 12_110_000_000, 20_910_000_000, 131_072),
        DemoModel("devstral-small-2:24b", "Q4_K_M", 14_280_766_259, 23_570_000_000, 262_144),
        DemoModel("glm-4.7-flash", "Q4_K_M", 18_360_985_190, 29_940_000_000, 202_752),
        DemoModel("qwen3-coder:30b", "Q4_K_M", 18_575_733_555, 30_532_000_000, 262_144),
        DemoModel("qwen3.6:35b", "Q4_K_M", 22_119_081_574, 34_660_000_000, 262_144),
        DemoModel("qwen3-coder-next", "Q4_K_M", 48_490_000_000, 79_674_000_000, 262_144),
        DemoModel("gpt-oss:120b", "MXFP4", 65_390_877_082, 116_800_000_000, 131_072),
    )
}

MACS = (
    DemoMac("sato-mini", "sato", "Mac16,11", "Apple M4 Pro", (14, 10, 20), 64, "ollama",
            ("qwen3.6:35b", "qwen3-coder-next", "qwen2.5-coder:7b")),
    DemoMac("sato-air", "sato", "Mac15,12", "Apple M3", (8, 4, 10), 16, "ollama", ("qwen2.5-coder:7b",), 32_768),
    DemoMac("tanaka-mbp16", "tanaka", "Mac16,5", "Apple M4 Max", (16, 12, 40), 128, "ollama",
            ("gpt-oss:120b", "qwen3-coder-next", "qwen3.6:35b"), 131_072),
    DemoMac("suzuki-mbp14", "suzuki", "Mac15,6", "Apple M3 Pro", (12, 6, 18), 36, "lm_studio",
            ("gpt-oss:20b", "glm-4.7-flash")),
    DemoMac("takahashi-mbp16", "takahashi", "Mac14,6", "Apple M2 Max", (12, 8, 38), 64, "lm_studio",
            ("qwen3.6:35b", "devstral-small-2:24b")),
    DemoMac("nair-studio", "nair", "Mac15,14", "Apple M3 Ultra", (28, 20, 60), 96, "llama_cpp",
            ("gpt-oss:120b",), 131_072),
    DemoMac("nair-mbp14", "nair", "Mac17,9", "Apple M5 Pro", (18, 6, 20), 48, "ollama",
            ("qwen3.6:35b", "qwen3-coder:30b"), 65_536, "26.1"),
    DemoMac("ito-mini", "ito", "Mac16,10", "Apple M4", (10, 4, 10), 24, "ollama", ("gpt-oss:20b",), 32_768,
            is_broken=True),
    DemoMac("mori-mbp14", "mori", "MacBookPro18,3", "Apple M1 Pro", (10, 8, 16), 16, "ollama",
            ("qwen3.5:9b", "phi4:14b"), 32_768, presence=Presence.LATE),
    DemoMac("kimura-air", "kimura", "Mac14,2", "Apple M2", (8, 4, 10), 24, "ollama", ("qwen3.5:9b",), 32_768,
            presence=Presence.OFFLINE),
    DemoMac("build-studio", None, "Mac13,2", "Apple M1 Ultra", (20, 16, 64), 64, "ollama", ("qwen3-coder:30b",),
            presence=Presence.MISSING),
)  # fmt: skip

PROJECTS = (
    DemoProject("git@github.com:hoshizora/hoshizora-web.git", 26, EVERYBODY),
    DemoProject("git@git.shinonome.example:ledger/core-ledger.git", 20, ("sato", "suzuki", "ito", "nair")),
    DemoProject("git@git.hokuto.example:app/chart-sync.git", 13, ("takahashi", "mori", "suzuki")),
    DemoProject("https://github.com/hoshizora-oss/tategaki.git", 12, ("nair", "mori", "sato", "takahashi")),
    DemoProject("git@github.com:minato/dispatch.git", 9, ("takahashi", "ito")),
    DemoProject("git@github.com:hoshizora/kirikae-config.git", 4, ("sato", "tanaka")),
    DemoProject("https://git.hokuto.example/ml/hokuto-labeler", 4, ("suzuki", "mori")),
    DemoProject("git@github.com:minato/dispatch-ios.git", 3, ("takahashi",)),
    DemoProject("https://git.kagari.example/firmware/boot", 2, ("ito", "sato")),
    DemoProject(None, 3, ("takahashi", "nair", "ito", "mori")),
)

# A part of chart-sync that the client has published.
PUBLISHED_PART = DemoProject("https://git.hokuto.example/app/fhir-client", 0, ("mori",))

# Task, weight, the smallest and the largest context that it brings along.
TASKS = (
    ("commit-message", 22, 500, 4_000),
    ("multi-file-edit", 17, 4_000, 24_000),
    ("code-completion", 15, 500, 3_000),
    ("simple-docs", 9, 1_000, 6_000),
    ("codebase-understanding", 8, 8_000, 60_000),
    ("template-generation", 7, 500, 3_000),
    ("confidential-code", 6, 1_000, 9_000),
    ("technical-docs", 5, 2_000, 12_000),
    ("architecture-design", 4, 4_000, 20_000),
    ("security-review", 4, 6_000, 30_000),
    ("bulk-transform", 3, 1_000, 8_000),
    ("agent-team", 2, 8_000, 40_000),
    ("offline-work", 2, 1_000, 6_000),
)
