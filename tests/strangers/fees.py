"""Prints each line of a fee: part, rule, exact amount, amount. Written from tariffs.md alone. fees.py tariff.json facts.json"""
import calendar, datetime, json, math, sys
from fractions import Fraction as F

def rounded(x, how):
    size = {"half_even": round, "up": math.ceil, "down": math.floor}[how](abs(x))
    return size if x > 0 else -size
def find(classes, value, share=1): return [c for c in classes if value >= F(c["from"]) * share][-1]
def time(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)

def part(number, tariff, stretch, facts):
    first = datetime.date.fromisoformat(stretch["first_day"])
    month = calendar.monthrange(first.year, first.month)[1]
    share, get = F(stretch["days"], month), lambda name: facts.get(name, [])
    def total(name, field, /, **where): return sum(r[field] for r in get(name) if all(r[k] == v for k, v in where.items()))
    def hits(what, days=range(1, 32)):
        return sum(a["count"] for a in get("accesses") if what in ("all", a["class"]) and int(a["day"][8:]) in days)
    def lines(kind, r):
        if kind == "type":
            parts = set(get("partnership")[0]["parts"]) if get("partnership") else set()
            yield "", next(p["amount"] for p in r if set(p["parts"]) == parts) * share
        elif kind == "options":
            for o in r:
                if any(b["option"] == o["id"] for b in get("options")): yield "/" + o["id"], o["amount"] * share
        elif kind == "size": yield "", find(r["classes"], total("volume", r["unit"], **{"class": r["of"]}))["amount"] * share
        elif kind == "ratio":
            s, rate = F(hits("tieup"), hits("all")) if hits("all") else F(r["none"]), r["rate"]
            yield "", (rate["linear"] * s if "linear" in rate else find(rate["classes"], s)["amount"]) * share
        elif kind == "exceeding":
            n, x, own = r.get("every_days", month), F(0), range(first.day, first.day + stretch["days"])
            for begin in range(1, month + 1, n):
                days = range(begin, min(begin + n, month + 1))
                q = F(len([d for d in days if d in own]), n)
                x -= max([s["amount"] for s in r["steps"] if q and hits(r["counts"], days) > s["over"] * q], default=0) * q
            yield "", x
        elif kind == "contribution":
            def counts(p):
                ref = p.get("referral")
                popular = ref and total("accesses", "count", page=ref["page"], **{"class": "original"})
                return popular and popular > r["popular_over"] * share \
                    and 0 <= time(p["at"]) - time(ref["at"]) <= r["window_minutes"] * 60_000_000
            (how, x), = r["reward"].items()
            yield "", -sum((F(x) * (p["amount"] if how == "share" else 1) for p in get("purchases") if counts(p)), F(0))
        elif kind == "advertisements":
            if "main" in r: yield "/main", -total("advertisements", r["by"], owner="main") * F(r["main"])
            if "partner" in r:
                fee, most = total("advertisements", r["by"], owner="partner") * F(r["partner"]["rate"]), r["partner"].get("at_most_share")
                yield "/partner", min(fee, F(most) * total("advertisements", "income", owner="partner")) if most else fee
        elif kind == "visits": yield "", -total("visits", r["of"]) * F(r["each"])
        elif kind == "purchases":
            each = F(r["each"])
            yield "", sum((-each if r["effect"] == "credit" else min(each, p["amount"]) for p in get("purchases")), F(0))
        elif kind == "transactions":
            for good in sorted({p["good"] for p in get("purchases")}):
                row = find(r["supply"], total("goods", "offered", good=good), share)
                rate = find(row["demand"], total("goods", "demanded", good=good), share)["rate"]
                yield "/" + good, total("purchases", "amount", good=good) * F(rate)
    def factor(f):
        (how, what), = f["by"].items()
        value, q = (hits(what), share) if how == "accesses" else (total("objective", "value", name=what), 1)
        return F(find(f["classes"], value, q)["factor"])
    amounts = []
    def line(name, exact, amount): amounts.append(amount); print(number, name, exact, amount)
    for rule in tariff["rules"]:
        (kind, told), = rule["by"].items()
        by = math.prod((factor(f) for f in tariff.get("factors", []) if rule["id"] in f["rules"]), start=F(1))
        for of, exact in lines(kind, told): line(rule["id"] + of, exact * by, rounded(exact * by, rule["rounding"]))
    limits, sum_ = tariff.get("limits", {}), sum(amounts)
    bound = lambda name: rounded(limits.get(name, 0) * share, limits.get("rounding", "down"))
    lift = max(bound("minimum") - sum_, 0)
    if "minimum" in limits or lift: line("minimum", lift, lift)
    if "maximum" in limits: line("maximum", min(bound("maximum") - sum_, 0), min(bound("maximum") - sum_, 0))
    return sum(amounts)

tariffs, parts = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
print("total", sum(part(i, tariffs[p["tariff"]], p["stretch"], p["facts"]) for i, p in enumerate(parts)))
