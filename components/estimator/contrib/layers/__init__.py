"""``tf.contrib.layers``: layers, regularizers, feature columns and ``optimize_loss``.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/layers.
"""

from components.estimator.contrib.layers.columns import (
    bucketized_column,
    create_feature_spec_for_parsing,
    crossed_column,
    embedding_column,
    input_from_feature_columns,
    one_hot_column,
    parse_feature_columns_from_examples,
    real_valued_column,
    sparse_column_with_hash_bucket,
    sparse_column_with_integerized_feature,
    sparse_column_with_keys,
    sparse_column_with_vocabulary_file,
    weighted_sparse_column,
)
from components.estimator.contrib.layers.networks import (
    dropout,
    embed_sequence,
    flatten,
    fully_connected,
    linear,
    relu,
    relu6,
    stack,
)
from components.estimator.contrib.layers.normalizing import batch_norm, layer_norm
from components.estimator.contrib.layers.optimizing import OPTIMIZER_CLS_NAMES, OPTIMIZER_SUMMARIES, optimize_loss
from components.estimator.contrib.layers.regularizing import (
    apply_regularization,
    l1_l2_regularizer,
    l1_regularizer,
    l2_regularizer,
    sum_regularizer,
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)
from components.estimator.contrib.missing import attribute_error_of

__all__ = [
    "OPTIMIZER_CLS_NAMES",
    "OPTIMIZER_SUMMARIES",
    "apply_regularization",
    "batch_norm",
    "bucketized_column",
    "create_feature_spec_for_parsing",
    "crossed_column",
    "dropout",
    "embed_sequence",
    "embedding_column",
    "flatten",
    "fully_connected",
    "input_from_feature_columns",
    "l1_l2_regularizer",
    "l1_regularizer",
    "l2_regularizer",
    "layer_norm",
    "linear",
    "one_hot_column",
    "optimize_loss",
    "parse_feature_columns_from_examples",
    "real_valued_column",
    "relu",
    "relu6",
    "sparse_column_with_hash_bucket",
    "sparse_column_with_integerized_feature",
    "sparse_column_with_keys",
    "sparse_column_with_vocabulary_file",
    "stack",
    "sum_regularizer",
    "variance_scaling_initializer",
    "weighted_sparse_column",
    "xavier_initializer",
    "xavier_initializer_conv2d",
]
__getattr__ = attribute_error_of(__name__)
