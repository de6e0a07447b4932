"""Dead letters are grouped, found by whom they are about, replayed or discarded, and all that is recorded."""

from farandole.migrations.columns import handle_dead_letters

revision = "inventory_0004"
down_revision = "inventory_0003"


def upgrade() -> None:
    handle_dead_letters("inventory")
