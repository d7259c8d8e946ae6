"""What DuckDB finds in a folder that `kippu replay export` wrote: events, users, and what was charged by month, from events and from the view."""

import json
import sys

import duckdb

tables = sys.argv[1]
count = duckdb.sql(f"select count(*) from read_parquet('{tables}/events/*/*.parquet', union_by_name = true)").fetchall()[0][0]
charged = duckdb.sql(
    f"""select strftime(make_timestamp(epoch_us(time)), '%Y-%m'), sum(amount) from '{tables}/events/user.amount_charged/*.parquet'
    group by 1 order by 1"""
).fetchall()
of_events = {month: int(amount) for month, amount in charged}
rows = duckdb.sql(f"select months from '{tables}/views/spending.parquet'").fetchall()
of_view = {}
for (months,) in rows:
    for month, sums in json.loads(months).items():
        of_view[month] = of_view.get(month, 0) + sums["charged"]
months = sorted(of_events.keys() | of_view.keys())
found = [{"month": m, "of_events": of_events.get(m), "of_view": of_view.get(m)} for m in months]
print(json.dumps({"events": count, "users": len(rows), "months": found}))
