package ticket

import (
	"strings"
	"testing"
	"time"
)

var hmac = strings.Repeat("A", 43)

func TestATicketSaysItsRunAndLease(t *testing.T) {
	for _, run := range []string{"etl-1", "manual__2026-11-27T00:00:00+00:00", "model.shop.orders", "shop/deploy/17", "1.2.3.4.5"} {
		claims, ok := Parse(run + ".2.1795348801.3.120000.k1-aot0." + hmac)
		want := Claims{Run: run, Attempt: 2, Fence: 1795348801, Lease: 120_000, StartBy: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
		if !ok || !claims.StartBy.Equal(want.StartBy) {
			t.Fatalf("%s: %v %+v", run, ok, claims)
		}
		claims.StartBy = want.StartBy
		if claims != want {
			t.Errorf("got %+v, want %+v", claims, want)
		}
	}
}

func TestATicketOfBeforeThereWereExpiriesHasNoStart(t *testing.T) {
	claims, ok := Parse("etl.1.7.0.5000.k1." + hmac)
	if !ok || !claims.StartBy.IsZero() {
		t.Errorf("%v %+v", ok, claims)
	}
}

func TestWhatIsNoTicketIsRefused(t *testing.T) {
	for _, text := range []string{"", "etl", "etl.1.7.0.5000.k1.short", "-etl.1.7.0.5000.k1." + hmac, "etl.1.7.0.0.k1." + hmac, "a b.1.7.0.5000.k1." + hmac} {
		if claims, ok := Parse(text); ok {
			t.Errorf("%q is taken for %+v", text, claims)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("etl.1.7.0.5000.k1-aot0." + hmac)
	f.Fuzz(func(t *testing.T, text string) {
		if claims, ok := Parse(text); ok && (claims.Run == "" || claims.Lease <= 0 || !strings.HasPrefix(text, claims.Run+".")) {
			t.Errorf("%q became %+v", text, claims)
		}
	})
}
