"""The way of a photo through the template: a private bucket that forgets, a queue that only S3 fills, a public file."""

from saxaul.storage.uploads import FORM_SECONDS
from saxaul.trees.photos import MAX_PHOTO_BYTES, photo_key, upload_key
from tests.template.reading import functions, made, made_resources, resources, sources

UPLOADS = resources("AWS::S3::Bucket")["UploadBucket"]
DAY = 24 * 3600


def test_each_upload_sends_a_message_to_the_queue() -> None:
    [sent] = UPLOADS["NotificationConfiguration"]["QueueConfigurations"]
    [rule] = sent["Filter"]["S3Key"]["Rules"]

    assert (sent["Event"], sent["Queue"]) == ("s3:ObjectCreated:*", {"Fn::GetAtt": "PhotoQueue.Arn"})
    assert rule["Name"] == "prefix"
    assert upload_key("0" * 64, "1").startswith(rule["Value"])


def test_only_s3_for_buckets_of_the_account_may_send_and_the_bucket_is_made_after_that_is_allowed() -> None:
    [policy] = made("AWS::SQS::QueuePolicy").values()
    [statement] = policy["PolicyDocument"]["Statement"]

    assert policy["Queues"] == [{"Ref": "PhotoQueue"}]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert "UploadBucket" not in str(policy), "the bucket and the policy would need each other"
    assert made_resources()["UploadBucket"]["DependsOn"] == "PhotoQueuePolicy"


def test_what_is_not_hashed_is_forgotten_after_a_day_which_is_longer_than_a_form_and_five_attempts() -> None:
    [rule] = UPLOADS["LifecycleConfiguration"]["Rules"]
    queue = resources("AWS::SQS::Queue")["PhotoQueue"]
    attempts = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]

    assert upload_key("0" * 64, "1").startswith(rule["Prefix"])
    assert rule["ExpirationInDays"] * DAY > FORM_SECONDS + attempts


def test_a_browser_may_send_a_form_and_nothing_else() -> None:
    [rule] = UPLOADS["CorsConfiguration"]["CorsRules"]

    assert rule["AllowedMethods"] == ["POST"]
    assert not rule.keys() & {"AllowedHeaders", "ExposedHeaders"}


def test_a_worker_takes_one_photo_at_a_time_and_has_memory_for_it() -> None:
    [source] = [source for name, source in sources("Queue.Arn") if name == "HashPhotos"]
    megabytes = functions()["HashPhotos"]["MemorySize"]

    assert source["BatchSize"] == 1
    assert megabytes * 1_000_000 > 20 * MAX_PHOTO_BYTES, "it holds the photo twice for a moment"


def test_anyone_can_read_hashed_photos() -> None:
    policies = [
        policy for policy in made("AWS::S3::BucketPolicy").values() if policy["Bucket"] == {"Ref": "FilesBucket"}
    ]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    public = [str(statement["Resource"]) for statement in statements if statement["Principal"] == "*"]

    assert any(f"{{FilesBucket.Arn}}/{photo_key('*')}" in resource for resource in public)
