output "url" {
  value       = aws_cloudformation_stack.lastbeat.outputs["Url"]
  description = "What LASTBEAT_URL takes"
}

output "requeue_queue_url" {
  value       = aws_cloudformation_stack.lastbeat.outputs["RequeueQueueUrl"]
  description = "The queue in which the next attempts are announced"
}

output "all" {
  value       = aws_cloudformation_stack.lastbeat.outputs
  description = "All outputs of the stack, by their names there"
}
