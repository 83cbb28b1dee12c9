package tasks

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// S3Store are the arguments that name a folder in a store that speaks S3.
type S3Store struct {
	Endpoint  string `arg:"endpoint,required" doc:"Its URL, like https://s3.eu-central-1.amazonaws.com; asked from the controller"`
	Bucket    string `arg:"bucket,required" doc:"The bucket, which must exist"`
	Prefix    string `arg:"prefix" doc:"A folder in it"`
	Region    string `arg:"region" default:"us-east-1" doc:"The region that requests are signed for"`
	AccessKey string `arg:"access_key,required" doc:"The name of the key"`
	SecretKey string `arg:"secret_key,required,secret" doc:"The key"`
	Token     string `arg:"token,secret" doc:"The session token of temporary keys"`
}

// s3Most is what a single PUT may carry; more would need a multipart upload.
const s3Most = 5 << 30

// s3Timeout bounds one upload.
const s3Timeout = time.Hour

func (s *S3Store) validate(arg string) error {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return &ArgError{Arg: arg + ".endpoint", Msg: fmt.Sprintf("%s.endpoint: %q is no URL of a server", arg, s.Endpoint), Hint: "write it like https://s3.example.com, and the bucket in bucket"}
	}
	return nil
}

// upload puts files into the store under their own names.
func (s *S3Store) upload(ctx context.Context, t *Target, files ...string) error {
	for _, name := range files {
		key := path.Join(s.Prefix, filepath.Base(name))
		if !t.Would("upload %s to %s/%s/%s", filepath.Base(name), s.Endpoint, s.Bucket, key) {
			continue
		}
		t.Status("uploading " + filepath.Base(name))
		if err := s.put(ctx, name, key, time.Now()); err != nil {
			return Failf("%s was saved, but not uploaded to %s: %w", name, s.Endpoint, err).
				WithHint("see that the bucket exists and that the key may write to it")
		}
	}
	return nil
}

func (s *S3Store) put(ctx context.Context, name, key string, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, s3Timeout)
	defer cancel()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if size > s3Most {
		return fmt.Errorf("it has %s, and a single request carries %s at most", sizeText(size), sizeText(s3Most))
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return err
	}
	u.Path = "/" + s.Bucket + "/" + key
	u.RawPath = s3Path(u.Path)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), io.NopCloser(f))
	if err != nil {
		return err
	}
	req.ContentLength = size
	s.sign(req, hex.EncodeToString(h.Sum(nil)), now.UTC())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s3Refusal(resp)
	}
	return nil
}

// s3Refusal is what the server says; the whole of its answer may be long.
func s3Refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var told struct{ Code, Message string }
	if err := xml.Unmarshal(text, &told); err == nil && told.Code != "" {
		return fmt.Errorf("%s: %s: %s", resp.Status, told.Code, told.Message)
	}
	return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text[:min(len(text), 500)])))
}

// sign adds the headers of AWS Signature Version 4. Source: the S3 API reference,
// "Authenticating Requests (AWS Signature Version 4)".
func (s *S3Store) sign(req *http.Request, payload string, now time.Time) {
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	signed := [][2]string{{"host", req.URL.Host}, {"x-amz-content-sha256", payload}, {"x-amz-date", stamp}}
	if s.Token != "" {
		signed = append(signed, [2]string{"x-amz-security-token", s.Token})
	}
	var names []string
	var headers strings.Builder
	for _, h := range signed {
		names = append(names, h[0])
		fmt.Fprintf(&headers, "%s:%s\n", h[0], h[1])
		if h[0] != "host" {
			req.Header.Set(h[0], h[1])
		}
	}
	request := strings.Join([]string{req.Method, req.URL.EscapedPath(), "", headers.String(), strings.Join(names, ";"), payload}, "\n")
	digest := sha256.Sum256([]byte(request))
	scope := day + "/" + s.Region + "/s3/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hex.EncodeToString(digest[:])
	key := []byte("AWS4" + s.SecretKey)
	for _, part := range []string{day, s.Region, "s3", "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		s.AccessKey, scope, strings.Join(names, ";"), hex.EncodeToString(key)))
}

// s3Path escapes a path as it is signed: all but letters, digits and -_.~/.
func s3Path(p string) string {
	var b strings.Builder
	for _, c := range []byte(p) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
