package chaos

import (
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
)

// SchemaVersion is the version of the JSON's structure.
const SchemaVersion = 1

// Report is the whole.
type Report struct {
	SchemaVersion int            `json:"schema_version"`
	Began         time.Time      `json:"began"`
	Seed          uint64         `json:"seed"`
	Protocol      string         `json:"protocol"`
	Green         bool           `json:"green"`
	Host          report.Host    `json:"host"`
	Limits        ReportedLimits `json:"limits"`
	Totals        Counts         `json:"totals"`
	Problems      []string       `json:"problems"` // what is wrong with the run as a whole
	Pairs         []*Stats       `json:"pairs"`
}

// ReportedLimits are the limits that were judged by, the allowance included.
type ReportedLimits struct {
	DetectionMs int64 `json:"detection_ms"`
	RecoveryMs  int64 `json:"recovery_ms"`
	AllowanceMs int64 `json:"allowance_ms"`
}

// Counts are numbers of a pair, or of all.
type Counts struct {
	Rounds     int     `json:"rounds"` // that were played
	Kills      int     `json:"kills"`
	Terminates int     `json:"terminates"`
	Stops      int     `json:"stops"`
	Closes     int     `json:"closes"`
	Points     int     `json:"points"`
	Answers    uint64  `json:"answers"` // whose content was verified, but for those of a loop that a death cut short
	Recoveries int     `json:"recoveries"`
	WorstSeen  float64 `json:"worst_detection_ms"`
	WorstBack  float64 `json:"worst_recovery_ms"`
	SeenRound  int     `json:"worst_detection_round,omitempty"` // of a pair
	BackRound  int     `json:"worst_recovery_round,omitempty"`
	Found      int     `json:"violations"`
}

// Violation is a rule that was broken.
type Violation struct {
	Round   int    `json:"round"` // 0: found at the end
	What    string `json:"what"`
	Message string `json:"message"`
}

// Stats are what became of a pair.
type Stats struct {
	Pair         Pair        `json:"pair"`
	Milliseconds int64       `json:"milliseconds"`
	Counts       Counts      `json:"counts"`
	Growth       []Growth    `json:"growth"`
	Violations   []Violation `json:"violated"`
	Plan         []Round     `json:"plan"`

	round   int           // that is played
	took    []float64     // milliseconds of each round that was played
	answers atomic.Uint64 // from all threads of a load
}

func newStats(plan Plan) *Stats {
	return &Stats{Pair: plan.Pair, Plan: plan.Rounds, Growth: []Growth{}, Violations: []Violation{}}
}

func milliseconds(d time.Duration) float64 { return float64(max(d, 0).Microseconds()) / 1000 }

func (s *Stats) detection(took time.Duration) {
	if ms := milliseconds(took); ms > s.Counts.WorstSeen {
		s.Counts.WorstSeen, s.Counts.SeenRound = ms, s.round
	}
}

// recovery notes a successor's first answer.
func (s *Stats) recovery(took time.Duration) {
	s.Counts.Recoveries++
	if ms := milliseconds(took); ms > s.Counts.WorstBack {
		s.Counts.WorstBack, s.Counts.BackRound = ms, s.round
	}
}

func (s *Stats) violate(number int, what string, err error) *Violation {
	s.Violations = append(s.Violations, Violation{number, what, err.Error()})
	s.Counts.Found++
	return &s.Violations[len(s.Violations)-1]
}

func (s *Stats) played(r Round, took time.Duration) {
	s.took = append(s.took, milliseconds(took))
	c := &s.Counts
	c.Rounds++
	counter := map[Kind]*int{Kill: &c.Kills, Terminate: &c.Terminates, Stop: &c.Stops, Close: &c.Closes, Point: &c.Points}[r.Kind]
	*counter++
}

// add sums up; of worst times it takes the worse.
func (c *Counts) add(other Counts) {
	c.Rounds += other.Rounds
	c.Kills += other.Kills
	c.Terminates += other.Terminates
	c.Stops += other.Stops
	c.Closes += other.Closes
	c.Points += other.Points
	c.Answers += other.Answers
	c.Recoveries += other.Recoveries
	c.Found += other.Found
	c.WorstSeen = max(c.WorstSeen, other.WorstSeen)
	c.WorstBack = max(c.WorstBack, other.WorstBack)
}

// finish sums up and judges the whole. A run without a round, or with rounds that were not played, is not green.
func (r *Report) finish() {
	planned := 0
	for _, pair := range r.Pairs {
		r.Totals.add(pair.Counts)
		planned += len(pair.Plan)
	}
	switch {
	case planned == 0:
		r.Problems = append(r.Problems, "nothing was planned")
	case r.Totals.Rounds < planned:
		r.Problems = append(r.Problems, "rounds that were planned were not played")
	}
	r.Green = len(r.Problems) == 0 && r.Totals.Found == 0
}
