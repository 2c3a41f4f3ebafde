# Runs without a provider: `terraform test` in the module's folder.

variables {
  name   = "us-east-1"
  agents = { us-east-1 = "us-east-1", us-west-2 = "us-west-2", eu-west-1 = "eu-west-1" }
}

run "three_agents" {
  command = plan

  assert {
    condition     = yamldecode(output.text).members["eu-west-1"].address == "eu-west-1.quorate.internal:7951"
    error_message = "every member has its address"
  }

  assert {
    condition     = yamldecode(output.text).listen == "127.0.0.1:7950"
    error_message = "the API stays on loopback"
  }
}

run "two_regions_are_refused" {
  command         = plan
  expect_failures = [var.agents]

  variables {
    agents = { us-east-1 = "us-east-1", us-west-2 = "us-west-2", third = "us-west-2" }
  }
}

run "an_even_number_is_refused" {
  command         = plan
  expect_failures = [var.agents]

  variables {
    agents = { us-east-1 = "us-east-1", us-west-2 = "us-west-2", eu-west-1 = "eu-west-1", eu-west-3 = "eu-west-3" }
  }
}

run "a_stranger_is_refused" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "ap-southeast-2"
  }
}
