// Package ticket reads what a credential says. Only the service can tell whether it is genuine.
package ticket

import (
	"regexp"
	"strconv"
	"time"
)

// Claims is what a ticket or a token says.
type Claims struct {
	Run     string
	Attempt int64
	Fence   int64
	// Lease in milliseconds.
	Lease int64
	// StartBy is when the attempt has to start at the latest; zero in tickets of 0.1.0. A ticket tells it to the hour.
	StartBy time.Time
}

// The form of lib/wire/credentials.ts. It is read from its end: a run may have dots, and nothing else has.
var form = regexp.MustCompile(
	`^([A-Za-z0-9][\w.:+/-]{0,127})\.(\d{1,9})\.(\d{1,12})\.(\d{1,4})\.(\d{1,8})\.([\w-]{1,32}?)(?:-([0-9a-z]{4}))?\.([\w-]{43})$`)

// A ticket ends a day after its attempt has to start (docs/decisions/0020-credentials-end-by-themselves.md).
const goodFor = 24 * time.Hour

// Parse reads a credential; false when it is not one of Lastbeat's.
func Parse(text string) (Claims, bool) {
	parts := form.FindStringSubmatch(text)
	if parts == nil {
		return Claims{}, false
	}
	number := func(text string) int64 {
		value, _ := strconv.ParseInt(text, 10, 64) // digits, and few enough, by the form
		return value
	}
	claims := Claims{Run: parts[1], Attempt: number(parts[2]), Fence: number(parts[3]), Lease: number(parts[5])}
	if hours, err := strconv.ParseInt(parts[7], 36, 64); err == nil {
		claims.StartBy = time.Unix(hours*3600, 0).Add(-goodFor)
	}
	return claims, claims.Lease > 0
}
