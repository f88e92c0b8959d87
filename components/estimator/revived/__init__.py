"""Modules that TensorFlow dropped with the Estimator, written anew from what tensorflow-estimator asks of them.

:mod:`components.estimator.compat` puts them where they used to be; nothing else imports them by these names.
"""
