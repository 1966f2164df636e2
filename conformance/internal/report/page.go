package report

import "encoding/json"

// Page makes the page for people from the JSON alone.
func Page(content []byte) ([]byte, error) {
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, err
	}
	return nil, nil
}
