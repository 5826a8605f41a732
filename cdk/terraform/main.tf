# Lastbeat by Terraform: the plain template of a release, as a stack of CloudFormation.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

locals {
  template = "${var.release}/lastbeat.template.json"
  zips     = fileset(var.release, "*.zip")
}

# The names of the zips change with their contents, so CloudFormation sees a new version.
resource "aws_s3_object" "zip" {
  for_each = local.zips

  bucket      = var.bucket
  key         = "${var.prefix}${each.value}"
  source      = "${var.release}/${each.value}"
  source_hash = filemd5("${var.release}/${each.value}")

  # The old ones go once the stack has been updated: a rollback needs them.
  lifecycle {
    create_before_destroy = true
  }
}

# Larger than what CloudFormation takes in a request.
resource "aws_s3_object" "template" {
  bucket      = var.bucket
  key         = "${var.prefix}lastbeat-${filemd5(local.template)}.template.json"
  source      = local.template
  source_hash = filemd5(local.template)
}

resource "aws_cloudformation_stack" "lastbeat" {
  name         = var.name
  template_url = "https://${var.bucket}.s3.${data.aws_region.here.region}.amazonaws.com/${aws_s3_object.template.key}"
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  parameters = {
    AssetsBucket = var.bucket
    AssetsPrefix = var.prefix
  }

  depends_on = [aws_s3_object.zip]
}

data "aws_region" "here" {}
