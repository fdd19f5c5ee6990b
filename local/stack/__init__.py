"""The embedded stack: the whole deployment on one machine, built from template.yaml and nothing else.

The main process holds the HTTP front (API Gateway) and the execution environments (Lambda), each a process of its own.
AWS's services (moto) and the two simulators run in processes beside it.
"""
