package naming

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCases(t *testing.T) {
	for name, want := range map[string]map[Case]string{
		"payload_read_count": {Snake: "payload_read_count", Pascal: "PayloadReadCount", Camel: "payloadReadCount", Upper: "PAYLOAD_READ_COUNT"},
		"oieb_v2":            {Snake: "oieb_v2", Pascal: "OiebV2", Camel: "oiebV2", Upper: "OIEB_V2"},
		"a":                  {Snake: "a", Pascal: "A", Camel: "a", Upper: "A"},
	} {
		for c, identifier := range want {
			assert.Equal(t, identifier, c.Apply(name), "%s %s", c, name)
		}
	}
}

func TestJoin(t *testing.T) {
	assert.Equal(t, "default_v2_size", Join("default", "v2", "size"))
	assert.Equal(t, "size", Join("", "size", ""))
}

func TestIdentifiers(t *testing.T) {
	assert.Equal(t, "OiebV2Size", Go.Identifier(Constant, "oieb_v2", "size"))
	assert.Equal(t, "oieb_v2_size", Cpp.Identifier(Constant, "oieb_v2", "size"))
	assert.Equal(t, "OIEB_V2_SIZE", Python.Identifier(Constant, "oieb_v2", "size"))
	assert.Equal(t, "ZeroDuplexTimeoutException", CSharp.Identifier(Type, "timeout", "exception"))
	assert.Equal(t, "NameInUseException", CSharp.Identifier(Type, "name_in_use", "exception"))
}

func TestReservedWords(t *testing.T) {
	assert.True(t, Go.Reserved("func"))
	assert.True(t, Cpp.Reserved("class"))
	assert.True(t, CSharp.Reserved("event"))
	assert.True(t, Python.Reserved("lambda"))
	for _, l := range Languages() {
		assert.False(t, l.Reserved("payload"), l.Name)
		assert.NotEmpty(t, l.cases[Parameter], l.Name)
	}
}
