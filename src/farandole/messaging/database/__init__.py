"""A database is a place for rows: bulk reads and writes with a fixed number of statements, whatever the batch size.

Drivers differ in `sqlite.py` and `postgres.py`; everything else is said once, here and in `relation.py`.
"""

from farandole.messaging.database.engine import Database, Transaction, open_database
from farandole.messaging.database.relation import Relation

__all__ = ["Database", "Relation", "Transaction", "open_database"]
