variable "release" {
  type        = string
  description = "The folder with lastbeat.template.json and its zips: an unpacked release, or what npm run template makes for settings of your own"

  validation {
    condition     = fileexists("${var.release}/lastbeat.template.json")
    error_message = "There is no lastbeat.template.json in that folder."
  }
}

variable "bucket" {
  type        = string
  description = "A bucket in the region of the stack, for the template and the zips"
}

variable "prefix" {
  type        = string
  default     = "lastbeat/"
  description = "What the keys in the bucket begin with"
}

variable "name" {
  type        = string
  default     = "Lastbeat"
  description = "The name of the stack, of its metrics, alarms and rules"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,35}$", var.name))
    error_message = "The name begins with a letter and is 1 to 36 letters, digits and -."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of all that the stack makes"
}
