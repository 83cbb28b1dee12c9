package tasks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks"
)

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// s3Server takes objects whose requests are signed with the key, working the
// signature out from the request as it arrived.
func s3Server(t *testing.T, key string) (*httptest.Server, map[string]string) {
	objects := map[string]string{}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
		sum := sha256.Sum256(body)
		if m == nil || r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]) {
			http.Error(w, "<Code>InvalidRequest</Code>", http.StatusBadRequest)
			return
		}
		canonical := r.Method + "\n" + r.RequestURI + "\n\n"
		for _, name := range strings.Split(m[4], ";") {
			v := r.Header.Get(name)
			if name == "host" {
				v = r.Host
			}
			canonical += name + ":" + strings.TrimSpace(v) + "\n"
		}
		canonical += "\n" + m[4] + "\n" + hex.EncodeToString(sum[:])
		hashed := sha256.Sum256([]byte(canonical))
		text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s/%s/s3/aws4_request\n%x", r.Header.Get("X-Amz-Date"), m[2], m[3], hashed)
		signing := mac(mac(mac(mac([]byte("AWS4"+key), m[2]), m[3]), "s3"), "aws4_request")
		if hex.EncodeToString(mac(signing, text)) != m[5] || !strings.HasPrefix(r.Header.Get("X-Amz-Date"), m[2]) {
			http.Error(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>Check your key.</Message><Bytes>"+
				strings.Repeat("61 ", 5000)+"</Bytes></Error>", http.StatusForbidden)
			return
		}
		objects[r.URL.Path] = string(body)
	})), objects
}

func TestS3(t *testing.T) {
	t.Parallel()
	server, objects := s3Server(t, "right")
	defer server.Close()
	name := filepath.Join(t.TempDir(), "a b+ü=1.db")
	if err := os.WriteFile(name, []byte("snapshot"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "session"} {
		store := tasks.S3Store{Endpoint: server.URL, Bucket: "backups", Prefix: "lab one", Region: "eu-1", AccessKey: "AK", SecretKey: "right", Token: token}
		if err := tasks.Upload(t.Context(), &store, name); err != nil {
			t.Error(err)
		}
		if objects["/backups/lab one/a b+ü=1.db"] != "snapshot" {
			t.Errorf("objects: %v", objects)
		}
		clear(objects)
	}
	store := tasks.S3Store{Endpoint: server.URL, Bucket: "backups", Region: "eu-1", AccessKey: "AK", SecretKey: "wrong"}
	if err := tasks.Upload(t.Context(), &store, name); err == nil || !strings.HasSuffix(err.Error(), "403 Forbidden: SignatureDoesNotMatch: Check your key.") {
		t.Errorf("with the wrong key: %v", err)
	}
}
