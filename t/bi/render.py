"""Renders the templates of examples/bi as dbt and Superset would, for t/180_bi.pl.

    render.py schema DOCUMENT SCHEMA    validates a JSON document; prints what is wrong with it
    render.py dbt PACKAGE [NAME=VALUE]  prints the SQL of each model, as JSON, with these variables
    render.py superset FILE CONTEXT     prints the SQL of a template; CONTEXT is JSON

dbt and Superset are not here. ref, source, config, var and this are those of dbt in their effect:
source() and this return the quoted name of a relation, and var() fails for an unknown variable.
"""
import json
import sys
from pathlib import Path


def schema(document, schema_file):
    import jsonschema

    contract = json.loads(Path(schema_file).read_text())
    jsonschema.Draft7Validator.check_schema(contract)
    validator = jsonschema.Draft7Validator(contract)
    for error in validator.iter_errors(json.loads(Path(document).read_text())):
        print("/".join(map(str, error.absolute_path)), error.message[:200])


def dbt(package, *settings):
    import jinja2
    import yaml

    package = Path(package)
    project = yaml.safe_load((package / "dbt_project.yml").read_text())
    variables = dict(project["vars"][project["name"]])
    for setting in settings:
        name, value = setting.split("=", 1)
        assert name in variables, name
        variables[name] = yaml.safe_load(value)

    # all YAML below the models, with its variables rendered
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    known = {"sources": {}, "models": {}}
    for path in sorted((package / "models").glob("*.yml")):
        for source in yaml.safe_load(path.read_text()).get("sources", []):
            render = lambda text: environment.from_string(text).render(var=variables.__getitem__)
            for table in source["tables"]:
                relation = f'"{render(source["schema"])}"."{render(table["identifier"])}"'
                known["sources"][source["name"], table["name"]] = relation
        for model in yaml.safe_load(path.read_text()).get("models", []):
            known["models"][model["name"]] = [
                (column["name"], test)
                for column in model["columns"]
                for test in column.get("tests", [])
            ]

    macros = "".join(p.read_text() for p in sorted((package / "macros").glob("*.sql")))
    models = {}
    for path in sorted((package / "models").glob("*.sql")):
        models[path.stem] = {
            "tests": known["models"].pop(path.stem),
            "sql": environment.from_string(macros + path.read_text()).render(
                source=lambda *name: known["sources"][name],
                config=lambda **options: "",
                var=variables.__getitem__,
            ),
        }
    assert not known["models"], f"schema.yml describes models that are not there: {known['models']}"
    print(json.dumps(models))


def superset(file, context):
    import jinja2

    context = json.loads(context)
    filters, parameters = context.get("filters", {}), context.get("parameters", {})
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)

    # as Superset writes a list of values
    def where_in(values):
        return "(" + ", ".join("'" + v.replace("'", "''") + "'" for v in values) + ")"

    environment.filters["where_in"] = where_in
    print(
        environment.from_string(Path(file).read_text()).render(
            from_dttm=context.get("from"),
            to_dttm=context.get("to"),
            filter_values=lambda column, default=None: filters.get(column, []),
            url_param=lambda name, default=None: parameters.get(name, default),
        )
    )


{"schema": schema, "dbt": dbt, "superset": superset}[sys.argv[1]](*sys.argv[2:])
