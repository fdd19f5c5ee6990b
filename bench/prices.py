"""Published list prices, US East (N. Virginia), in dollars, without free tiers.

Sources, read in November 2026: aws.amazon.com/step-functions/pricing, aws.amazon.com/lambda/pricing,
aws.amazon.com/dynamodb/pricing/on-demand, aws.amazon.com/s3/pricing, aws.amazon.com/api-gateway/pricing.
"""

STATE_TRANSITION = 25.00 / 1_000_000
"""Step Functions, Standard workflows, a state transition."""
LAMBDA_REQUEST = 0.20 / 1_000_000
LAMBDA_GB_SECOND = 0.0000133334
"""Lambda on arm64."""
DYNAMODB_WRITE = 0.625 / 1_000_000
"""DynamoDB on demand, a write of up to 1 KB."""
S3_PUT = 0.005 / 1_000
API_REQUEST = 3.50 / 1_000_000
"""API Gateway, REST."""
