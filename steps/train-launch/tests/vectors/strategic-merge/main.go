// Merges templates into Jobs as Kubernetes itself does, by its own library, and lists which lists it merges.
//
//	go run . > ../strategic-merge-1.34.json
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strings"

	batch "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// Beside the Job as it is without a template: cases.yaml holds name, template, and now and then a Job of its own.
type given struct {
	Name     string          `json:"name"`
	Job      json.RawMessage `json:"job,omitempty"`
	Template json.RawMessage `json:"template"`
}

type vector struct {
	given
	// What comes out; nothing where the library refuses.
	Merged json.RawMessage `json:"merged,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// A list that is merged: the field's name is enough, for no two fields of a Job differ under one name.
type list struct {
	Field string `json:"field"`
	Key   string `json:"key"`
}

func main() {
	text, err := os.ReadFile("cases.yaml")
	check(err)
	var cases struct {
		Job   json.RawMessage `json:"job"`
		Cases []given         `json:"cases"`
	}
	check(yaml.UnmarshalStrict(text, &cases))
	var out struct {
		Lists   []list          `json:"lists"`
		Atomic  []string        `json:"atomic"`
		Job     json.RawMessage `json:"job"`
		Vectors []vector        `json:"vectors"`
		Version string          `json:"version"`
	}
	out.Version = "k8s.io/apimachinery v0.34.4"
	out.Job = cases.Job
	out.Lists, out.Atomic = lists()
	for _, one := range cases.Cases {
		job := one.Job
		if job == nil {
			job = cases.Job
		}
		merged, err := strategicpatch.StrategicMergePatch(job, one.Template, batch.Job{})
		made := vector{given: one, Merged: merged}
		if err != nil {
			made.Merged, made.Error = nil, strings.SplitN(err.Error(), "\n", 2)[0]
		}
		out.Vectors = append(out.Vectors, made)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(out))
}

// Every list of objects or words below a Job, by whether it is merged.
func lists() ([]list, []string) {
	merged, atomic := map[string]string{}, map[string]bool{}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(kind reflect.Type) {
		for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice || kind.Kind() == reflect.Map {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct || seen[kind] {
			return
		}
		seen[kind] = true
		for at := range kind.NumField() {
			field := kind.Field(at)
			name := strings.Split(field.Tag.Get("json"), ",")[0]
			if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() != reflect.Uint8 && name != "" {
				if strings.Contains(field.Tag.Get("patchStrategy"), "merge") {
					key := field.Tag.Get("patchMergeKey")
					if known, there := merged[name]; there && known != key {
						panic(name + " is merged in two ways")
					}
					merged[name] = key
				} else {
					atomic[name] = true
				}
			}
			walk(field.Type)
		}
	}
	// The status is the cluster's to write, the list of who wrote what too.
	walk(reflect.TypeOf(batch.JobSpec{}))
	walk(reflect.TypeOf(batch.Job{}.ObjectMeta))
	var found []list
	for name, key := range merged {
		if atomic[name] {
			panic(name + " is merged here and replaced there")
		}
		found = append(found, list{name, key})
	}
	sort.Slice(found, func(a, b int) bool { return found[a].Field < found[b].Field })
	var rest []string
	for name := range atomic {
		rest = append(rest, name)
	}
	sort.Strings(rest)
	return found, rest
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
