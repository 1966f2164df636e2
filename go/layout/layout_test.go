package layout

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestTheCompilerLaysStructsOutAsTheWitnessSays(t *testing.T) {
	content, err := os.ReadFile("../../conformance/witness/offsets.yaml")
	require.NoError(t, err)
	var witness map[string]struct {
		Size   uint64
		Fields map[string][2]uint64
	}
	require.NoError(t, yaml.Unmarshal(content, &witness))
	measured := Structs()
	require.NotEmpty(t, measured)
	for _, s := range measured {
		assert.Equal(t, witness[s.Name].Size, s.Size, s.Name)
		fields := map[string][2]uint64{}
		for _, f := range s.Fields {
			fields[f.Name] = [2]uint64{f.Offset, f.Width}
		}
		assert.Equal(t, witness[s.Name].Fields, fields, s.Name)
	}
}
