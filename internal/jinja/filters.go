package jinja

// filterTable are the filters, by the file that they stand in.
func filterTable() map[string]*function {
	all := map[string]function{}
	for _, part := range []map[string]function{
		textFilters(), listFilters(), applyFilters(), setFilters(), numberFilters(), dataFilters(), dictFilters(),
		pathFilters(), hashFilters(), regexFilters(), timeFilters(), randomFilters(), networkFilters(), urlFilters(),
		markupFilters(), plainFilters(),
	} {
		for name, f := range part {
			all[name] = f
		}
	}
	return table(all)
}
