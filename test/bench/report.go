package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A Report is all that a bench found.
type Report struct {
	Machine Machine `json:"machine"`
	Runs    int     `json:"runs"`
	Cases   []Case  `json:"cases"`
}

// A Machine is where a bench ran.
type Machine struct {
	CPUs   int    `json:"cpus"`
	Load   string `json:"load_at_start"` // over 1, 5 and 15 minutes
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	SSH    string `json:"ssh"`
}

// A Case is one kind of work, done by all contenders; the first is etcdplay.
type Case struct {
	Letter     string      `json:"case"`
	Title      string      `json:"title"`
	Load       string      `json:"load_at_end"`
	Contenders []Contender `json:"contenders"`
	Notes      []string    `json:"notes,omitempty"`
}

// A Contender is what one program took.
type Contender struct {
	Name    string  `json:"name"`
	Skipped string  `json:"skipped,omitempty"` // why it was not measured
	Runs    []Run   `json:"runs,omitempty"`
	Wall    *Spread `json:"wall_s,omitempty"`
	CPU     *Spread `json:"cpu_s,omitempty"`
	Ratio   *Spread `json:"etcdplay_takes_of_it,omitempty"` // etcdplay's wall time by this one's, round by round
}

// A Spread is how a figure varies over the rounds.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spread(v []float64) *Spread {
	if len(v) == 0 {
		return nil
	}
	v = slices.Sorted(slices.Values(v))
	return &Spread{Min: v[0], Median: (v[(len(v)-1)/2] + v[len(v)/2]) / 2, Max: v[len(v)-1]}
}

// newCase sums up what the contenders took.
func newCase(letter, title string, contenders []Contender, notes ...string) Case {
	c := Case{Letter: letter, Title: title, Load: load(), Contenders: contenders, Notes: notes}
	for i := range c.Contenders {
		var wall, cpu, ratio []float64
		for n, r := range c.Contenders[i].Runs {
			wall, cpu = append(wall, r.Wall), append(cpu, r.CPU)
			if i > 0 && n < len(c.Contenders[0].Runs) {
				ratio = append(ratio, c.Contenders[0].Runs[n].Wall/r.Wall)
			}
		}
		c.Contenders[i].Wall, c.Contenders[i].CPU, c.Contenders[i].Ratio = spread(wall), spread(cpu), spread(ratio)
	}
	return c
}

// Table shows a case to people.
func (c Case) Table() string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.SetTitle("(%s) %s", c.Letter, c.Title)
	t.AppendHeader(table.Row{"", "wall, s: min", "median", "max", "etcdplay ÷ it: min", "median", "max", "CPU, s", "peak MiB"})
	var right []table.ColumnConfig
	for n := 2; n <= 9; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	var skipped strings.Builder
	for _, p := range c.Contenders {
		if p.Wall == nil {
			fmt.Fprintf(&skipped, "  not measured: %s: %s\n", p.Name, p.Skipped)
			continue
		}
		row := table.Row{p.Name, sec(p.Wall.Min), sec(p.Wall.Median), sec(p.Wall.Max), "", "", "", sec(p.CPU.Median), p.peak()}
		if p.Ratio != nil {
			row[4], row[5], row[6] = sec(p.Ratio.Min), sec(p.Ratio.Median), sec(p.Ratio.Max)
		}
		t.AppendRow(row)
	}
	var b strings.Builder
	b.WriteString(t.Render() + "\n" + skipped.String())
	for _, n := range c.Notes {
		b.WriteString("  " + n + "\n")
	}
	fmt.Fprintf(&b, "  load of the machine at the end: %s\n", c.Load)
	return b.String()
}

// peak is the memory of the run that needed most, in MiB.
func (p Contender) peak() string {
	var most int64
	for _, r := range p.Runs {
		most = max(most, r.RSS)
	}
	return fmt.Sprintf("%.0f", float64(most)/1024)
}

func sec(f float64) string {
	if f < 0.1 {
		return fmt.Sprintf("%.3f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// Write writes the report as JSON.
func (r *Report) Write(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

func machine(ctx context.Context) Machine {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	ssh, _ := exec.CommandContext(ctx, "ssh", "-V").CombinedOutput()
	return Machine{
		CPUs: runtime.NumCPU(), Load: load(), Go: runtime.Version(),
		Kernel: strings.TrimSpace(string(kernel)), SSH: strings.TrimSpace(string(ssh)),
	}
}

// String implements fmt.Stringer.
func (m Machine) String() string {
	return fmt.Sprintf("%d CPUs, load %s, Linux %s, %s, %s", m.CPUs, m.Load, m.Kernel, m.Go, m.SSH)
}

func load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	words := strings.Fields(string(data))
	return strings.Join(words[:min(3, len(words))], " ")
}
