package jinja

import "sync"

// A library is everything that templates can call by name.
type library struct {
	filters, tests, globals, lookups                       map[string]*function
	stringMethods, dictMethods, listMethods, numberMethods map[string]*function
}

// shared is filled in when the first template is compiled: its functions
// compile templates themselves (include, lookup), so it can't be an ordinary
// table.
var shared struct {
	once sync.Once
	lib  library
}

func lib() *library {
	shared.once.Do(func() {
		shared.lib = library{
			filters:       filterTable(),
			tests:         testTable(),
			globals:       globalTable(),
			lookups:       lookupTable(),
			stringMethods: stringMethodTable(),
			dictMethods:   dictMethodTable(),
			listMethods:   listMethodTable(),
			numberMethods: numberMethodTable(),
		}
	})
	return &shared.lib
}

// Filters, Tests and Lookups are the names that templates can use, sorted.
func Filters() []string { return names(lib().filters) }

// Tests are the names that can follow `is`.
func Tests() []string { return names(lib().tests) }

// Lookups are the built-in ones; an Env may have more.
func Lookups() []string { return names(lib().lookups) }
