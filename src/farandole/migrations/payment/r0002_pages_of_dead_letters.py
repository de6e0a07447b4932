"""Pages of dead letters by an index, however many there are."""

from farandole.migrations.columns import order_dead_letters

revision = "payment_0002"
down_revision = "payment_0001"


def upgrade() -> None:
    order_dead_letters()
