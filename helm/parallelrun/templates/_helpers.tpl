{{/* The chart's name in labels. */}}
{{- define "parallelrun.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The start of objects' names: 40 characters, so that suffixes fit. */}}
{{- define "parallelrun.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "parallelrun.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "parallelrun.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* By these the operator's pods are found; they can never change in an upgrade. */}}
{{- define "parallelrun.operatorSelector" -}}
app.kubernetes.io/name: {{ include "parallelrun.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "parallelrun.operatorServiceAccount" -}}
{{- default (printf "%s-operator" (include "parallelrun.fullname" .)) .Values.operator.serviceAccount.name }}
{{- end }}

{{/* The name of an image: (list . .Values.operator.image). A digest goes before the tag. */}}
{{- define "parallelrun.image" -}}
{{- $top := index . 0 }}
{{- $image := index . 1 }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default $top.Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- define "parallelrun.testNamespace" -}}
{{- default .Release.Namespace .Values.test.namespace }}
{{- end }}

{{/* securityContext of a pod, by the "restricted" Pod Security Standard. */}}
{{- define "parallelrun.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.user }}
{{- with .runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .runAsGroup }}
runAsGroup: {{ int64 . }}
{{- end }}
{{- with .fsGroup }}
fsGroup: {{ int64 . }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* securityContext of a container, likewise. */}}
{{- define "parallelrun.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* "except" of an ipBlock: those of the addresses that are of its family, which have the given separator. */}}
{{- define "parallelrun.except" -}}
{{- $separator := index . 0 }}
{{- $found := list }}
{{- range index . 1 }}
{{- if contains $separator . }}
{{- $found = append $found . }}
{{- end }}
{{- end }}
{{- with $found }}
except:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A user or group for an option, empty for null: numbers of values are floating point and large ones would be written so. */}}
{{- define "parallelrun.id" -}}
{{- if . }}{{ int64 . }}{{ end }}
{{- end }}

{{/* The operator's options: one for each field of its Config, and how it logs. */}}
{{- define "parallelrun.operatorFlags" -}}
- --runner-image={{ include "parallelrun.image" (list . .Values.runner.image) }}
- --runner-pull-policy={{ .Values.runner.image.pullPolicy }}
- --runner-pull-secrets={{ join "," .Values.runner.imagePullSecrets }}
- {{ printf "--agent-resources=%s" (toJson .Values.runner.agentResources) | squote }}
- {{ printf "--worker-resources=%s" (toJson .Values.runner.workerResources) | squote }}
- --cache-size={{ .Values.runner.cacheSize }}
- {{ printf "--proxy=%s" (toJson .Values.runner.proxy) | squote }}
- {{ printf "--packages=%s" (toJson .Values.runner.packages) | squote }}
- {{ printf "--spot=%s" (toJson .Values.runner.spot) | squote }}
- --run-as-user={{ include "parallelrun.id" .Values.user.runAsUser }}
- --run-as-group={{ include "parallelrun.id" .Values.user.runAsGroup }}
- --fs-group={{ include "parallelrun.id" .Values.user.fsGroup }}
- --drain-seconds={{ .Values.runner.drainSeconds }}
- --watch-namespaces={{ join "," .Values.watchNamespaces }}
- --workers={{ .Values.operator.workers }}
- --log-level={{ .Values.operator.log.level }}
- --log-format={{ .Values.operator.log.format }}
{{- end }}
