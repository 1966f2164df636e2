// Package golden replays recorded scenarios of published v1 implementations with the agents, and compares the shared memory after every
// step with the recorded bytes. Where a correct implementation must differ, a list of deviations says how, and why.
package golden

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// Manifest is a folder of recorded scenarios.
type Manifest struct {
	Protocol  string     `json:"protocol"`
	Commit    string     `json:"upstream_commit"`
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is what two processes did, one step after the other.
type Scenario struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Requested   struct {
		Metadata uint64 `json:"metadata_size"`
		Payload  uint64 `json:"payload_size"`
	} `json:"requested"`
	Steps []Step `json:"steps"`
}

// Step is one operation and what was there afterwards.
type Step struct {
	Number int               `json:"step"`
	Actor  string            `json:"actor"` // reader or writer; empty in scenarios of a duplex channel
	Op     string            `json:"op"`    // in those with its arguments behind it
	Args   map[string]uint64 `json:"args"`
	Result string            `json:"result"`

	object           // of the only buffer
	Request  *object `json:"request"` // of a duplex channel's buffers
	Response *object `json:"response"`
}

// object is a recorded buffer.
type object struct {
	Snapshot string `json:"snapshot"`
	Sha256   string `json:"sha256_masked"`
	SemW     uint64 `json:"sem_w"`
	SemR     uint64 `json:"sem_r"`
}

// Load reads a folder and checks that the snapshots are those that the manifest speaks of.
func Load(folder fs.FS) (*Manifest, map[string][]byte, error) {
	content, err := fs.ReadFile(folder, "manifest.json")
	if err != nil {
		return nil, nil, err
	}
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(m.Scenarios) == 0 {
		return nil, nil, fmt.Errorf("manifest.json holds no scenarios")
	}
	snapshots := map[string][]byte{}
	for _, s := range m.Scenarios {
		if s.ID == "" || len(s.Steps) == 0 {
			return nil, nil, fmt.Errorf("manifest.json: scenario %q has no id or no steps", s.ID)
		}
		for i := range s.Steps {
			step := &s.Steps[i]
			if err := step.parse(); err != nil {
				return nil, nil, fmt.Errorf("%s, step %d: %w", s.ID, step.Number, err)
			}
			for _, o := range step.objects() {
				if err := o.load(folder, snapshots); err != nil {
					return nil, nil, fmt.Errorf("%s, step %d: %w", s.ID, step.Number, err)
				}
			}
		}
	}
	return &m, snapshots, nil
}

// parse takes the arguments of a duplex step out of its operation: "client_send size=10 seed=1 (what people should know)".
func (s *Step) parse() error {
	if s.Actor != "" {
		return nil
	}
	words := strings.Fields(s.Op)
	s.Op, s.Args = words[0], map[string]uint64{}
	for _, word := range words[1:] {
		if strings.HasPrefix(word, "(") {
			break
		}
		key, text, ok := strings.Cut(word, "=")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q: %w", word, err)
		}
		s.Args[key] = n
	}
	return nil
}

// objects are the recorded buffers by what follows the channel's name in theirs.
func (s *Step) objects() map[string]*object {
	all := map[string]*object{}
	if s.Snapshot != "" {
		all[""] = &s.object
	}
	if s.Request != nil {
		all["_request"] = s.Request
	}
	if s.Response != nil {
		all["_response"] = s.Response
	}
	return all
}

func (o *object) load(folder fs.FS, snapshots map[string][]byte) error {
	content, err := fs.ReadFile(folder, o.Snapshot)
	if err != nil {
		return err
	}
	masked := append([]byte{}, content...)
	segment.MaskPids(masked)
	if sum := sha256.Sum256(masked); hex.EncodeToString(sum[:]) != o.Sha256 {
		return fmt.Errorf("%s is not what was recorded: its SHA-256 is another one", o.Snapshot)
	}
	snapshots[o.Snapshot] = content
	return nil
}
