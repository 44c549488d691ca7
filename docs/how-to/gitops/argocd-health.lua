-- Health of a ParallelRunJob, a ParallelRunPipeline or a ParallelRunPipelineRun for Argo CD. See docs/how-to/gitops.md.
local health = { status = "Progressing", message = "waiting for the operator" }

if obj.status == nil or obj.status.conditions == nil then
  return health
end
if obj.status.observedGeneration ~= nil and obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local held = {}
for _, condition in ipairs(obj.status.conditions) do
  if condition.status == "True" then
    held[condition.type] = condition
  end
end

-- The first that holds decides: a job that goes on may be Stalled beside Running.
local order = {
  { "Failed", "Degraded" },
  { "Complete", "Healthy" },
  { "Stalled", "Degraded" },
  { "Suspended", "Suspended" },
  { "Ready", "Healthy" },  -- a pipeline
}
for _, pair in ipairs(order) do
  local condition = held[pair[1]]
  if condition ~= nil then
    health.status = pair[2]
    health.message = (condition.reason or pair[1]) .. ": " .. (condition.message or "")
    return health
  end
end

health.message = "running " .. (obj.status.progress or "")
return health
