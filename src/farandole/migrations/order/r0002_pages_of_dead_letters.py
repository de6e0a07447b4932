"""Pages of dead letters by an index, however many there are."""

from farandole.migrations.columns import order_dead_letters

revision = "order_0002"
down_revision = "order_0001"


def upgrade() -> None:
    order_dead_letters()
