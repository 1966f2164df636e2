// Package report is what a run found: JSON for programs, JUnit for CI, and a page for people, made from the JSON alone.
package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// SchemaVersion is the version of the JSON's structure, described in schema/report.schema.json.
const SchemaVersion = 1

// Verdict is what became of a case on a pair.
type Verdict string

// The verdicts.
const (
	Pass        Verdict = "pass"
	Fail        Verdict = "fail"
	XFail       Verdict = "xfail"       // failed as a line of the known failures says
	Unsupported Verdict = "unsupported" // an agent said that it cannot do this
	NotRun      Verdict = "notrun"      // nobody knows; never green
)

// Verdicts lists all verdicts in the order in which they are shown.
var Verdicts = []Verdict{Pass, Fail, XFail, Unsupported, NotRun}

// BuiltIn are the languages of this repository. They claim the whole protocol, so "unsupported" is red for them.
var BuiltIn = []string{"go", "cpp", "csharp", "python"}

// Report is the whole.
type Report struct {
	SchemaVersion int               `json:"schema_version"`
	Began         time.Time         `json:"began"`
	Milliseconds  int64             `json:"milliseconds"`
	Seed          uint64            `json:"seed"`
	Green         bool              `json:"green"`
	Host          Host              `json:"host"`
	Versions      map[string]string `json:"versions"`
	Languages     []string          `json:"languages"`
	Agents        []Agent           `json:"agents"`
	Cases         int               `json:"cases"`
	Totals        Counts            `json:"totals"`
	Pairs         map[string]Counts `json:"pairs"`    // "server->client"
	Problems      []string          `json:"problems"` // what is wrong with the run as a whole
	Suites        []Suite           `json:"suites"`
	Records       []Record          `json:"records"`
}

// Host is the machine.
type Host struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
}

// Agent is who was tested.
type Agent struct {
	Language     string   `json:"language"`
	Command      string   `json:"command"`
	Name         string   `json:"name"`
	SDKVersion   string   `json:"sdk_version"`
	Capabilities []string `json:"capabilities"`
	Problem      string   `json:"problem"`
}

// Counts are numbers of cases by verdict.
type Counts struct {
	Pass        int `json:"pass"`
	Fail        int `json:"fail"`
	XFail       int `json:"xfail"`
	Unsupported int `json:"unsupported"`
	NotRun      int `json:"notrun"`
}

// Suite tells people what a suite is about.
type Suite struct {
	Name  string     `json:"name"`
	Title string     `json:"title"`
	Doc   string     `json:"doc"`
	Cases []CaseInfo `json:"cases"`
}

// CaseInfo tells people what a case is about; Name is as in Record.
type CaseInfo struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
}

// Record is one case on one pair.
type Record struct {
	Pair         string            `json:"pair"`
	Server       string            `json:"server"`
	Client       string            `json:"client"`
	Suite        string            `json:"suite"`
	Case         string            `json:"case"`
	Verdict      Verdict           `json:"verdict"`
	Message      string            `json:"message"`
	Milliseconds float64           `json:"milliseconds"`
	Logs         map[string]string `json:"logs"` // actor: path beside the report
}

// New begins a report.
func New(seed uint64, languages []string) *Report {
	return &Report{
		SchemaVersion: SchemaVersion, Began: time.Now().UTC().Truncate(time.Second), Seed: seed, Languages: languages, Host: host(),
		Versions: versions(), Pairs: map[string]Counts{}, Problems: []string{}, Agents: []Agent{}, Suites: []Suite{}, Records: []Record{},
	}
}

func host() Host {
	h := Host{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(release))
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				h.CPU = strings.TrimSpace(model)
				break
			}
		}
	}
	return h
}

func versions() map[string]string {
	v := map[string]string{"runner": "(devel)", "go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v["runner"] = info.Main.Version
	}
	return v
}

// Add counts a verdict.
func (c *Counts) Add(v Verdict) {
	switch v {
	case Pass:
		c.Pass++
	case Fail:
		c.Fail++
	case XFail:
		c.XFail++
	case Unsupported:
		c.Unsupported++
	case NotRun:
		c.NotRun++
	}
}

// Of is the number of a verdict.
func (c Counts) Of(v Verdict) int {
	return map[Verdict]int{Pass: c.Pass, Fail: c.Fail, XFail: c.XFail, Unsupported: c.Unsupported, NotRun: c.NotRun}[v]
}

// Fail turns a passed case into a failed one, for what only shows when all pairs have run.
func (r *Report) Fail(pair, test, message string) {
	for i := range r.Records {
		if rec := &r.Records[i]; rec.Pair == pair && rec.Case == test {
			rec.Verdict = Fail
			rec.Message = strings.TrimPrefix(rec.Message+"; "+message, "; ")
		}
	}
}

// Finish counts, and decides whether all is well.
func (r *Report) Finish() {
	r.Milliseconds = time.Since(r.Began).Milliseconds()
	slices.SortStableFunc(r.Records, func(a, b Record) int { return strings.Compare(a.Pair, b.Pair) })
	r.Totals, r.Pairs = Counts{}, map[string]Counts{}
	cases := map[string]bool{}
	for _, rec := range r.Records {
		c := r.Pairs[rec.Pair]
		c.Add(rec.Verdict)
		r.Pairs[rec.Pair] = c
		r.Totals.Add(rec.Verdict)
		cases[rec.Case] = true
	}
	r.Cases = len(cases)
	if len(r.Records) == 0 {
		r.Problems = append(r.Problems, "nothing was run")
	}
	r.Green = r.Red() == 0
}

// Red is the number of cases and problems that keep the run from being green.
func (r *Report) Red() int {
	red := len(r.Problems)
	for _, rec := range r.Records {
		if rec.Red() {
			red++
		}
	}
	return red
}

// Red tells whether this keeps the run from being green.
func (r Record) Red() bool {
	switch r.Verdict {
	case Pass, XFail:
		return false
	case Unsupported:
		return slices.Contains(BuiltIn, r.Server) && slices.Contains(BuiltIn, r.Client)
	default:
		return true
	}
}

// Write writes report.json, junit.xml and index.html into a folder.
func (r *Report) Write(folder string) error {
	content, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "report.json"), append(content, '\n'), 0o644); err != nil {
		return err
	}
	junit, err := r.JUnit()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "junit.xml"), junit, 0o644); err != nil {
		return err
	}
	page, err := Page(content)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "index.html"), page, 0o644)
}
