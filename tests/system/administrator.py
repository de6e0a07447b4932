"""What an administrator of a broker may do to a running system."""

from confluent_kafka import OFFSET_END, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # as its manual has it
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from farandole.proof.ground.cluster import Cluster, farandole


def delete_records(cluster: Cluster, topic: str) -> None:
    """Throw away all that a topic has, as a retention that is too short would."""
    client = AdminClient({"bootstrap.servers": cluster.kafka, "log_level": 0})
    name = cluster.prefix + topic
    partitions = client.list_topics(name, timeout=10).topics[name].partitions
    places = [TopicPartition(name, number, OFFSET_END) for number in partitions]
    for answer in client.delete_records(places).values():
        answer.result(10)


def group_of(cluster: Cluster, service: str) -> str:
    return f"{cluster.prefix}farandole.{service}"


def committed(cluster: Cluster, service: str, topic: str) -> dict[int, int]:
    """The offsets of a group, by partition."""
    client, name = AdminClient({"bootstrap.servers": cluster.kafka, "log_level": 0}), cluster.prefix + topic
    asked = ConsumerGroupTopicPartitions(group_of(cluster, service))
    found = client.list_consumer_group_offsets([asked])[asked.group_id].result(10).topic_partitions
    return {at.partition: at.offset for at in found if at.topic == name and at.offset >= 0}


def commit(cluster: Cluster, service: str, topic: str, offsets: dict[int, int]) -> None:
    """Move the offsets of a group that nobody is in, as an administrator would."""
    client, name = AdminClient({"bootstrap.servers": cluster.kafka, "log_level": 0}), cluster.prefix + topic
    places = [TopicPartition(name, partition, offset) for partition, offset in offsets.items()]
    wanted = ConsumerGroupTopicPartitions(group_of(cluster, service), places)
    answered = client.alter_consumer_group_offsets([wanted])[wanted.group_id].result(10).topic_partitions
    assert [at.error for at in answered if at.error] == []


def limit(cluster: Cluster, topic: str, most: str) -> None:
    """Have the broker refuse records of a topic that are larger."""
    client = AdminClient({"bootstrap.servers": cluster.kafka, "log_level": 0})
    entry = ConfigEntry("max.message.bytes", most, incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ConfigResource.Type.TOPIC, cluster.prefix + topic, incremental_configs=[entry])
    client.incremental_alter_configs([changed])[changed].result(10)


def republish(cluster: Cluster, service: str) -> None:
    env = cluster.env | {"FARANDOLE_DATABASE": cluster.databases[service]}
    assert farandole("republish", service, env=env).returncode == 0
