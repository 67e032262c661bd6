"""The report of a campaign as one HTML page that needs no network.

The layers, each of which imports only those below it::

    command     writes it where it is wanted
    gather      asks the journal, and perhaps the provider
    page        facts to HTML: a pure function
    charts      pictures, as SVG
    axes        ticks, and figures as a person reads them
    markup      escaping
    facts       what a page is made of
"""
