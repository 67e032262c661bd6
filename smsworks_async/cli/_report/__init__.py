"""The report of a campaign as one HTML page that needs no network.

The layers, each of which imports only those below it::

    command     writes the page, a summary or a JSON record
    gather      reads the journal and, unless offline, the provider
    page        facts to HTML, as a pure function
    charts      charts, as SVG
    axes        ticks, and the formatting of figures and times
    markup      escaping
    facts       the data of a report
"""
