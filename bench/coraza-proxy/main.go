// Command coraza-proxy is a reverse proxy with Coraza in front, to measure Cordon against.
// Usage: coraza-proxy LISTEN UPSTREAM DIRECTIVES
package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"

	"github.com/corazawaf/coraza/v3"
	corazahttp "github.com/corazawaf/coraza/v3/http"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: coraza-proxy LISTEN UPSTREAM DIRECTIVES")
	}
	runtime.GOMAXPROCS(1)
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectivesFromFile(os.Args[3]))
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	log.Fatal(http.ListenAndServe(os.Args[1], corazahttp.WrapHandler(waf, proxy)))
}
