package progress

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhatAProgressFileSays(t *testing.T) {
	for text, want := range map[string]string{
		`82`:                                     `{"value":82}`,
		` 82.5 `:                                 `{"value":82.5}`,
		`{"value":0}`:                            `{"value":0}`,
		`{"value":82,"of":100,"note":"epoch 3"}`: `{"value":82,"of":100,"note":"epoch 3"}`,
		`{"value":1,"more":true}`:                `{"value":1}`,
		`{"value":1,"note":"` + strings.Repeat("é", 200) + `"}`: `{"value":1,"note":"` + strings.Repeat("é", 63) + `"}`,
		``: `null`, `null`: `null`, `"82"`: `null`, `{}`: `null`, `{"value":"1"}`: `null`, `1e999`: `null`, `1e-200`: `null`,
		`{"value":1,"of":"2"}`: `null`, `{"value":1,"note":3}`: `null`, `[1]`: `null`, `nonsense`: `null`,
	} {
		got, _ := json.Marshal(Parse([]byte(text)))
		if string(got) != want {
			t.Errorf("%.40s: %s, want %s", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"value":82,"of":100,"note":"epoch 3"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if said := Parse(text); said != nil {
			if _, err := json.Marshal(said); err != nil {
				t.Errorf("%q became %+v, which cannot be sent: %v", text, said, err)
			}
		}
	})
}
