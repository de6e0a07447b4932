"""Dead letters are grouped, found by whom they are about, replayed or discarded, and all that is recorded."""

from farandole.migrations.columns import handle_dead_letters

revision = "monitor_0002b"
down_revision = "monitor_0002"


def upgrade() -> None:
    handle_dead_letters("monitor")
