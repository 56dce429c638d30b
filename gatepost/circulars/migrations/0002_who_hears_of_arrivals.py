from django.db import migrations

# Who is bound from now on begins with every kind of message. Who was bound before would hear of nothing new: whoever
# hears of arrivals hears of class notices and messages as well, there, until they choose otherwise. Not by text
# message, which these do not use.
SUBSCRIBE = """
INSERT INTO notify_subscription (recipient_id, topic, address_id)
SELECT subscription.recipient_id, topic.code, subscription.address_id
FROM notify_subscription subscription
JOIN notify_address address ON address.id = subscription.address_id AND address.channel <> 'sms'
CROSS JOIN unnest(ARRAY['class_notice', 'school_message']) AS topic(code)
WHERE subscription.topic = 'arrived'
ON CONFLICT DO NOTHING
"""
UNSUBSCRIBE = "DELETE FROM notify_subscription WHERE topic IN ('class_notice', 'school_message')"


class Migration(migrations.Migration):
    dependencies = [("circulars", "0001_initial"), ("notify", "0011_quiet_hours")]

    operations = [migrations.RunSQL(SUBSCRIBE, reverse_sql=UNSUBSCRIBE)]
