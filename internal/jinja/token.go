package jinja

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokExprBegin // {{
	tokExprEnd   // }}
	tokStmtBegin // {%
	tokStmtEnd   // %}
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

type token struct {
	kind     tokenKind
	text     string // the data, name, operator, decoded string or digits
	off, end int
}

func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end"
	case tokData:
		return "text"
	case tokExprBegin, tokExprEnd, tokStmtBegin, tokStmtEnd, tokOp:
		return "'" + t.text + "'"
	case tokString:
		return "a string"
	case tokInt, tokFloat:
		return "number " + t.text
	}
	return "'" + t.text + "'"
}
