package witness

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// The spec and the hand-typed list must say the same; whoever changes one alone is told here.
func TestErrorCodesAreTheSpecs(t *testing.T) {
	content, err := os.ReadFile("../../spec/zeroduplex.yaml")
	require.NoError(t, err)
	var spec struct {
		Errors []struct {
			Name string
			Code uint64
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &spec))
	codes := map[string]uint64{}
	for _, e := range spec.Errors {
		codes[e.Name] = e.Code
	}
	require.NotEmpty(t, codes)
	assert.Equal(t, codes, ErrorCodes)
}

func TestWaitSliceIsTheSpecs(t *testing.T) {
	content, err := os.ReadFile("../../spec/zeroduplex.yaml")
	require.NoError(t, err)
	var spec struct {
		Defaults []struct {
			Name, Protocol, Unit string
			Value                int64
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &spec))
	found := 0
	for _, d := range spec.Defaults {
		if d.Name == "wait_slice" && d.Protocol == "v2" {
			found++
			assert.Equal(t, "milliseconds", d.Unit)
			assert.Equal(t, WaitSlice, time.Duration(d.Value)*time.Millisecond)
		}
	}
	assert.Equal(t, 1, found)
}

func TestStructs(t *testing.T) {
	assert.Equal(t, uint64(88), Structs["oieb_v2"].Size)
	assert.Equal(t, [2]uint64{24, 4}, Structs["frame_header_v2"].Fields["state"])
}
