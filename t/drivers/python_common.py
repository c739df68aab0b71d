# python_common.py
#   What the programs for Python's drivers share: the questions from standard input,
#   the parameters as text, and the form in which they print an answer.
#   t/130_drivers.pl describes both forms.
import re
import sys
from datetime import date, datetime, time, timedelta, timezone

# (name, SQL with parameters such as {period})
QUESTIONS = [line.rstrip("\n").split("\t") for line in sys.stdin]

# every parameter as text, as a form on a web page or a BI tool passes it on
TEXT = {
    "period": "[2024-04-01,2024-07-01)",
    "local": "[2024-04-01,2024-07-01)",
    "days": "[2024-04-01,2024-07-01)",
    "as_of": "2024-04-01 00:00:00+00",
    "inactive_after": "90 days",
    "churned_after": "180 days",
    "lost_after": "326 days",
    "never": None,
    "step": "30 days",
    "status": "won_back",
    "statuses": "{won_back,new}",
    "event": "cancellation",
    "tally": "1/2",
    "from_date": "2024-04-01",
    "to_date": "2024-06-30",
    "number": 90,
    "text_90": "90",
    "number_90": 90,
}


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def typed(timestamptz_range, timestamp_range, date_range):
    """Return the parameters as Python's own types, and ranges as those of the driver."""
    return dict(
        TEXT,
        period=timestamptz_range(utc(2024, 4, 1), utc(2024, 7, 1)),
        local=timestamp_range(datetime(2024, 4, 1), datetime(2024, 7, 1)),
        days=date_range(date(2024, 4, 1), date(2024, 7, 1)),
        as_of=utc(2024, 4, 1),
        inactive_after=timedelta(days=90),
        churned_after=timedelta(days=180),
        lost_after=timedelta(days=326),
        step=timedelta(days=30),
        from_date=date(2024, 4, 1),
        to_date=date(2024, 6, 30),
        statuses=["won_back", "new"],
    )


def positional(sql, values, mark):
    """Return the SQL with the marks that mark(n) returns, and the list of the values."""
    names = re.findall(r"\{(\w+)\}", sql)
    marks = iter(mark(n) for n in range(1, len(names) + 1))
    return re.sub(r"\{\w+\}", lambda _: next(marks), sql), [values[name] for name in names]


def show(value):
    """Return a value as PostgreSQL shows it in UTC."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        if value.tzinfo:
            return value.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S+00")
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, timedelta):
        clock = (datetime.combine(date.min, time()) + timedelta(seconds=value.seconds)).time()
        return f"{value.days} days" + (f" {clock}" if value.seconds else "")
    if hasattr(value, "lower_inc"):
        bounds = [show(bound) for bound in (value.lower, value.upper)]
        quoted = [f'"{bound}"' if " " in bound else bound for bound in bounds]
        return "[("[not value.lower_inc] + ",".join(quoted) + ")]"[value.upper_inc]
    return str(value)


def report(name, warnings, rows=None, error=None):
    """Print the answer to one question. An error comes with its SQLSTATE."""
    print("#", name)
    for warning in warnings:
        print(warning)
    if error:
        print("ERROR", error)
    for row in rows or []:
        print("|".join(show(value) for value in row))
