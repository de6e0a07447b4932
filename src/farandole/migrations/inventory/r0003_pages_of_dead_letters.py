"""Pages of dead letters by an index, however many there are."""

from farandole.migrations.columns import order_dead_letters

revision = "inventory_0003"
down_revision = "inventory_0002"


def upgrade() -> None:
    order_dead_letters()
