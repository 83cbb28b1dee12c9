package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// HTTPCheck is a request and what must be answered.
type HTTPCheck struct {
	Holds
	URL    string      `arg:"url,required" doc:"Asked from the host itself"`
	Status []int       `arg:"status" default:"200" doc:"Good status codes"`
	Body   string      `arg:"body" doc:"Regular expression that the body must match"`
	JSON   *value.Dict `arg:"json" doc:"Values that the JSON body must hold; the keys are paths like cluster.leader or 0.name; * stands for every element, as in routes.*.name: then it is a list of the different values, sorted"`
	TLSFiles
}

func (c *HTTPCheck) validate(arg string) error {
	errs := []error{c.Holds.validate(arg), c.TLSFiles.validate(arg), validRegexp(arg+".body", c.Body)}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, &ArgError{Arg: arg + ".url", Msg: fmt.Sprintf("%s.url: %q is no http or https URL", arg, c.URL)})
	}
	return errors.Join(errs...)
}

func (c HTTPCheck) try(ctx context.Context, conn Conn, files Files) error {
	config, err := c.TLSFiles.config(files)
	if err != nil {
		return err
	}
	// One connection for each try: the point is that the service accepts one.
	client := &http.Client{Transport: &http.Transport{DialContext: conn.DialContext, DisableKeepAlives: true, TLSClientConfig: config}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return fmt.Errorf("%s: %w", c.URL, err)
	}
	defer resp.Body.Close()
	const limit = 4 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return fmt.Errorf("%s: %w", c.URL, err)
	}
	if !slices.Contains(c.Status, resp.StatusCode) {
		return fmt.Errorf("%s answers %s", c.URL, resp.Status)
	}
	if !pattern(c.Body).Match(body) {
		return fmt.Errorf("the answer of %s does not match %s: %s", c.URL, c.Body, excerpt(body))
	}
	return c.matchJSON(body)
}

func (c HTTPCheck) matchJSON(body []byte) error {
	if c.JSON.Len() == 0 {
		return nil
	}
	doc, err := value.DecodeJSON(body)
	if err != nil {
		return fmt.Errorf("the answer of %s is no JSON: %w", c.URL, err)
	}
	var errs []error
	for path, want := range c.JSON.All() {
		got, ok := jsonAt(doc, value.Str(path))
		if !ok {
			errs = append(errs, fmt.Errorf("the answer of %s has no %s", c.URL, value.Str(path)))
		} else if !value.Equal(got, want) {
			errs = append(errs, fmt.Errorf("in the answer of %s %s is %s, not %s", c.URL, value.Str(path), value.Repr(got), value.Repr(want)))
		}
	}
	return errors.Join(errs...)
}

// jsonAt follows a path of keys and list indices, joined by points. Where a *
// stands for every element, the value is the list of the different ones found.
func jsonAt(doc any, path string) (any, bool) {
	key, rest, more := strings.Cut(path, ".")
	next := func(v any) (any, bool) {
		if !more {
			return v, true
		}
		return jsonAt(v, rest)
	}
	if key == "*" {
		return jsonEvery(doc, next)
	}
	switch d := doc.(type) {
	case *value.Dict:
		if v, ok := d.Get(key); ok {
			return next(v)
		}
	case []any:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(d) {
			return next(d[i])
		}
	}
	return nil, false
}

// jsonEvery collects what is below each element, sorted and each value once.
func jsonEvery(doc any, below func(any) (any, bool)) (any, bool) {
	var elements []any
	switch d := doc.(type) {
	case *value.Dict:
		for _, v := range d.All() {
			elements = append(elements, v)
		}
	case []any:
		elements = d
	default:
		return nil, false
	}
	found := []any{}
	for _, e := range elements {
		v, ok := below(e)
		if ok && !slices.ContainsFunc(found, func(other any) bool { return value.Equal(v, other) }) {
			found = append(found, v)
		}
	}
	slices.SortFunc(found, func(a, b any) int { return strings.Compare(value.Str(a), value.Str(b)) })
	return found, true
}
