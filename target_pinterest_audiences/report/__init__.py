"""The report of a run for people: a page of HTML, or Markdown. It reads the JSON report only."""
