package tasks

import (
	"crypto/tls"
	"crypto/x509"
)

// TLSFiles are the arguments of a task that speaks TLS from the controller.
type TLSFiles struct {
	CA   string `arg:"ca" doc:"PEM file on the controller with the authorities to trust; by default the system's"`
	Cert string `arg:"cert" doc:"PEM file on the controller with the client certificate"`
	Key  string `arg:"key" doc:"PEM file on the controller with the client certificate's key"`
}

func (f TLSFiles) validate(arg string) error {
	if (f.Cert == "") != (f.Key == "") {
		return &ArgError{Arg: arg + ".cert", Msg: arg + ": cert and key belong together", Hint: "give both or none"}
	}
	return nil
}

// config reads the files. Without any it is nil: TLS with the system's
// authorities where the URL asks for TLS.
func (f TLSFiles) config(files Files) (*tls.Config, error) {
	if f == (TLSFiles{}) {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	read := func(name string) ([]byte, error) {
		path, err := files.Find("files", name)
		if err != nil {
			return nil, err
		}
		return files.Read(path)
	}
	if f.CA != "" {
		pem, err := read(f.CA)
		if err != nil {
			return nil, Failf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, Failf("ca: %s holds no certificate in PEM", f.CA)
		}
	}
	if f.Cert != "" {
		cert, err := read(f.Cert)
		if err != nil {
			return nil, Failf("cert: %w", err)
		}
		key, err := read(f.Key)
		if err != nil {
			return nil, Failf("key: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, Failf("%s and %s: %w", f.Cert, f.Key, err).
				WithHint("they must be one pair: where etcdplay issues them and a run was killed in between, site.yml makes both anew; else put there what belongs together")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
